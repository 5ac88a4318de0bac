"""What the notebooks show: plots, tables and a player. It decides nothing."""
