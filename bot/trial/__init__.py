"""``docktalk try`` and the demo: a whole deployment in one process, against the stand-in of Slack."""
