"""A question answered for a person: in this process, or by a resident one that has its models loaded."""
