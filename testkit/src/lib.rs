//! For tests only: scripted origin, raw clients, scenario runner, naive reference cache.
