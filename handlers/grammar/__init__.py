"""docker's command line: declarations, tokeniser, parser, usage, output kinds."""
