"""Tables of papers and textbooks, pasted as they stand."""
