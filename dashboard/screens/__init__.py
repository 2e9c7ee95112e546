"""The pages: layout only. Listed in dashboard/app.py."""
