"""The agent of one member cluster: from Services and ServiceExports to InternalServiceExports on the hub."""
