"""Redis: live updates between processes, and jobs handed to workers. Nothing that matters lives there only."""
