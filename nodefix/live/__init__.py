"""A node whose kubelet is up already: what kube-proxy must see makes it start anew.

Nothing of this is imported at boot.
"""
