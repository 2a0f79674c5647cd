"""Tables as batches of columns, whatever they are made of: files, and what programs hold in memory."""
