"""What a run does around training: resume, answer, report, merge."""
