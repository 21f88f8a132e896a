# `make run` renders the demo scene on a farm on this machine; `make test` is what CI runs.

.PHONY: run test test-matrix bench

run:
	@scripts/setup.sh
	cargo build --release -p blendnet -p blendnet-manager -p blendnet-agent
	target/release/blendnet render assets/demo/demo.blend --output render
	@echo "The picture, and the EXR with all passes, are in $(CURDIR)/render"

# With the system's Blender and the bpy module of these versions.
test:
	@scripts/test.sh 4.5.15

test-matrix:
	@scripts/test.sh 4.2.23 4.5.15 5.0.1

# What a farm costs against Blender alone, as ratios of one run. Wants a machine with nothing else to do.
bench:
	@scripts/setup.sh
	cargo build --release --workspace --bins
	target/release/bench
