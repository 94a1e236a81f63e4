"""Who gets in to the page, and what a request may not do."""
