"""Files taken apart, each kind by its library, in processes with limits of time and memory.

Whatever a file does to its reader costs that file alone. The processes may open no connection, start no program and
write no file.
"""
