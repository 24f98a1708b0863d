"""What `nodefix status` says: what is seen of a node, what that comes to, and in which words."""
