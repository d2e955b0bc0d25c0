# Leaves of the tree of each rung, and its Gaussians: for 2 hours
tri1="1000 10000"
tri2="1000 10000"
tri3="1000 10000"
