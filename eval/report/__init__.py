"""Tables, figures and the page over judged runs."""
