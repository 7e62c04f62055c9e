module distromash/interop/kubo

go 1.26.4

require github.com/ipfs/kubo v0.42.0

// As in Kubo's own go.mod: exclusions are not inherited.
exclude (
	github.com/ipfs/go-ipfs-cmds v2.0.1+incompatible
	github.com/libp2p/go-libp2p v6.0.23+incompatible
)
