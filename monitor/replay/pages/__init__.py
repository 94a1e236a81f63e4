"""The pages themselves: templates, texts in two languages, and the scripts that play and label."""
