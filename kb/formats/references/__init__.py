"""Reference files in and out: a reader beside a writer for each format, one value between them."""
