// A member of a go-ds-crdt swarm for interop tests: go-libp2p, go-libp2p-pubsub and ipfs-lite, as P2PComm puts them
// together. Commands come as lines on standard input, answers go as lines to standard output.
//
//	connect MULTIADDR | put KEY VALUE | del KEY | dump | count | publish TOPIC TEXT | disconnect
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	ipfslite "github.com/hsanjuan/ipfs-lite"
	ds "github.com/ipfs/go-datastore"
	"github.com/ipfs/go-datastore/query"
	dssync "github.com/ipfs/go-datastore/sync"
	crdt "github.com/ipfs/go-ds-crdt"
	logging "github.com/ipfs/go-log/v2"
	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multiaddr"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func keyOf(kind string) crypto.PrivKey {
	which, bits := crypto.Ed25519, -1
	if kind == "rsa" {
		which, bits = crypto.RSA, 2048
	}
	key, _, err := crypto.GenerateKeyPair(which, bits)
	check(err)
	return key
}

func main() {
	ctx := context.Background()
	logging.SetLogLevel("*", "error")
	kind := "rsa"
	if len(os.Args) > 1 {
		kind = os.Args[1]
	}
	store := dssync.MutexWrap(ds.NewMapDatastore())
	listen, err := multiaddr.NewMultiaddr("/ip4/127.0.0.1/tcp/0")
	check(err)
	h, dht, err := ipfslite.SetupLibp2p(ctx, keyOf(kind), nil, []multiaddr.Multiaddr{listen}, store)
	check(err)
	ps, err := pubsub.NewGossipSub(ctx, h)
	check(err)
	node, err := ipfslite.New(ctx, store, nil, h, dht, nil)
	check(err)
	broadcaster, err := crdt.NewPubSubBroadcaster(ctx, ps, "globaldb-topic")
	check(err)
	options := crdt.DefaultOptions()
	options.RebroadcastInterval = 2 * time.Second
	options.PutHook = func(k ds.Key, v []byte) {}
	db, err := crdt.New(store, ds.NewKey("crdt"), node, broadcaster, options)
	check(err)
	chat, err := ps.Join("chat")
	check(err)
	heard, err := chat.Subscribe()
	check(err)
	out := make(chan string, 1024)
	go func() {
		for {
			m, err := heard.Next(ctx)
			if err != nil {
				return
			}
			if m.ReceivedFrom != h.ID() {
				out <- "heard " + string(m.Data)
			}
		}
	}()
	go func() {
		for line := range out {
			fmt.Println(line)
		}
	}()
	out <- fmt.Sprintf("ready %s/p2p/%s", h.Addrs()[0], h.ID())

	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		words := strings.SplitN(lines.Text(), " ", 3)
		switch words[0] {
		case "connect":
			info, err := peer.AddrInfoFromString(words[1])
			check(err)
			if err := h.Connect(ctx, *info); err != nil {
				out <- "error " + err.Error()
				continue
			}
			out <- "ok"
		case "disconnect":
			disconnect(h)
			out <- "ok"
		case "put":
			check(db.Put(ctx, ds.NewKey(words[1]), []byte(words[2])))
			out <- "ok"
		case "del":
			check(db.Delete(ctx, ds.NewKey(words[1])))
			out <- "ok"
		case "publish":
			check(chat.Publish(ctx, []byte(words[2])))
			out <- "ok"
		case "count", "dump":
			all := map[string]string{}
			results, err := db.Query(ctx, query.Query{})
			check(err)
			for r := range results.Next() {
				check(r.Error)
				all[r.Key] = string(r.Value)
			}
			if words[0] == "count" {
				out <- fmt.Sprintf("count %d", len(all))
				continue
			}
			text, err := json.Marshal(all)
			check(err)
			out <- "dump " + string(text)
		}
	}
}

func disconnect(h host.Host) {
	for _, p := range h.Network().Peers() {
		h.Network().ClosePeer(p)
	}
}
