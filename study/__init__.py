"""What people run: configurations, scans, results folders, figures, command line."""
