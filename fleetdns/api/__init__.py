"""Kubernetes wire types as frozen values; only the fields in use are decoded.

gc=False: a tree of frozen values holds no cycle, and the garbage collector need not walk 40,000 of them.
"""
