"""Tasks of one's own documents: files as people have them are read, cut, and made into three questions.

The judgements are made by construction and the texts stay on this machine; docs/own-documents.md says what they can
tell. ``reading`` takes files apart in processes of their own; nothing here runs a model.
"""
