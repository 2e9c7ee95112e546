"""Starting the server so that the first who opens a page does not wait for what all after them share."""
