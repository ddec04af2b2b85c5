"""A blog with comments and members, of which every page is cached."""
