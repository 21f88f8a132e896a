# `make run` opens the window with the demo scene; without a display it renders the scene on a farm on
# this machine. `make test` is what CI runs.

.PHONY: run test test-matrix screens bench

run:
	@scripts/setup.sh
	cargo build --release -p blendnet -p blendnet-manager -p blendnet-agent
	@scripts/run.sh

# With the system's Blender and the bpy module of these versions.
test:
	@scripts/test.sh 4.5.15

test-matrix:
	@scripts/test.sh 4.2.23 4.5.15 5.0.1

# Renders the demo scene in the real window, by mouse and keyboard; pictures of every step.
screens:
	@scripts/setup.sh 4.5.15 >/dev/null
	cargo build --workspace --bins
	BLENDNET_SCREENS=1 cargo test -p blendnet-tests --test e2e window
	@echo "The screens are in $(CURDIR)/target/screens"

# What a farm costs against Blender alone, as ratios of one run. Wants a machine with nothing else to do.
bench:
	@scripts/setup.sh
	cargo build --release --workspace --bins
	target/release/bench
