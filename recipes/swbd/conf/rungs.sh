# Leaves of the tree of each rung, and its Gaussians: as many as tri1, tri3 and tri4 of Kaldi's s5c have
tri1="3200 30000"
tri2="6000 140000"
tri3="11500 200000"
