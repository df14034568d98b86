"""What an analyst keeps: candidates, cuts, windows, cut flow."""
