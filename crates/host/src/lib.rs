//! What a host is and what really runs on it: release, kernels, processes, units.
