"""What a person sees: one file for each screen. A screen takes a Chat and answers; it knows no door."""
