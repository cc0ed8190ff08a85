"""What each subcommand does, one file per subcommand."""
