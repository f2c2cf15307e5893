"""Connect GIMP 3 with this Python: install the plug-in, look for what is wrong with it, remove it."""
