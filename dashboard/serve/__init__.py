"""The same dashboard for a team: behind a login, below a path of a proxy, with a health check.

``gate`` stands before everything Streamlit serves. ``st.login`` alone guards the inside of a script: the page's files,
its websocket, media, uploads and the agent's interface would be served to anybody (as tests/deploy/test_served.py
shows).
"""
