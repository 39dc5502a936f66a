"""Methods that tell views of the same image from views of other images."""
