# `make run` opens the window with the demo scene; without a display it renders the scene on a farm on
# this machine. `make test` is what CI runs.

.PHONY: run test test-matrix screens bench package

run:
	@scripts/setup.sh
	cargo build --release -p blendnet -p blendnet-manager -p blendnet-agent
	@scripts/run.sh

# With the system's Blender and the bpy module of these versions.
test:
	@scripts/test.sh 4.5.15

# The same with more versions, both servers held to their OpenAPI descriptions, and a table of how far the
# farm's images are from each Blender's own.
test-matrix:
	@scripts/test.sh 4.2.23 4.5.15 5.0.1
	scripts/schemathesis.sh
	BLENDNET_TEST_BPY=$$(scripts/setup.sh 4.2.23 4.5.15 5.0.1) target/debug/bench exact

# Renders the demo scene in the real window, by mouse and keyboard; pictures of every step.
screens:
	@scripts/setup.sh 4.5.15 >/dev/null
	cargo build --workspace --bins
	BLENDNET_SCREENS=1 cargo test -p blendnet-tests --test e2e -- window walkthroughs
	@echo "The screens are in $(CURDIR)/target/screens"

# The add-on for Blender, in target/package.
package:
	@scripts/package.sh

# What a farm costs against Blender alone, as ratios of one run. Wants a machine with nothing else to do.
bench:
	@scripts/setup.sh
	cargo build --release --workspace --bins
	target/release/bench
