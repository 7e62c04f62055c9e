// A small go-libp2p node for the interoperability tests: its key type is a flag, it listens on loopback, serves an echo
// protocol, and takes one command a line on standard input, answering each with one line of JSON.
//
//	dial ADDR                 connects to a multiaddress with /p2p
//	ping ADDR                 one round of /ipfs/ping/1.0.0
//	echo PEER STREAMS BYTES   so many concurrent streams, each written, half-closed and read to its end
//	reset PEER                opens a stream, writes and resets it; then reads from one that the peer resets
//	protocols PEER            what identify told
package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/pnet"
	"github.com/libp2p/go-libp2p/core/protocol"
	rcmgr "github.com/libp2p/go-libp2p/p2p/host/resource-manager"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	"github.com/libp2p/go-libp2p/p2p/protocol/ping"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
)

const (
	echoProtocol  = protocol.ID("/test/echo/1")
	resetProtocol = protocol.ID("/test/reset/1")
	limit         = 60 * time.Second
)

func main() {
	keyType := flag.String("key", "ed25519", "ed25519, rsa, secp256k1 or ecdsa")
	swarmKey := flag.String("swarm-key", "", "file of a private network")
	flag.Parse()
	h, err := start(*keyType, *swarmKey)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	defer h.Close()
	answer(map[string]any{"id": h.ID().String(), "address": fmt.Sprintf("%s/p2p/%s", h.Addrs()[0], h.ID())})
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		if len(words) == 0 {
			continue
		}
		result, err := do(h, words)
		if err != nil {
			answer(map[string]any{"error": err.Error()})
		} else {
			answer(result)
		}
	}
}

func start(keyType, swarmKey string) (host.Host, error) {
	kinds := map[string]int{"ed25519": crypto.Ed25519, "rsa": crypto.RSA, "secp256k1": crypto.Secp256k1,
		"ecdsa": crypto.ECDSA}
	kind, known := kinds[keyType]
	if !known {
		return nil, fmt.Errorf("unknown key type %q", keyType)
	}
	key, _, err := crypto.GenerateKeyPairWithReader(kind, 2048, rand.Reader)
	if err != nil {
		return nil, err
	}
	limits, err := rcmgr.NewResourceManager(rcmgr.NewFixedLimiter(rcmgr.InfiniteLimits))
	if err != nil {
		return nil, err
	}
	options := []libp2p.Option{
		libp2p.Identity(key),
		libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0"),
		libp2p.Transport(tcp.NewTCPTransport),
		libp2p.Security(noise.ID, noise.New),
		libp2p.Muxer(yamux.ID, yamux.DefaultTransport),
		libp2p.ResourceManager(limits),
		libp2p.DisableRelay(),
	}
	if swarmKey != "" {
		file, err := os.Open(swarmKey)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		psk, err := pnet.DecodeV1PSK(file)
		if err != nil {
			return nil, err
		}
		options = append(options, libp2p.PrivateNetwork(psk))
	}
	h, err := libp2p.New(options...)
	if err != nil {
		return nil, err
	}
	h.SetStreamHandler(echoProtocol, func(s network.Stream) {
		data, err := io.ReadAll(s)
		if err == nil {
			_, err = s.Write(data)
		}
		if err != nil {
			s.Reset()
			return
		}
		s.Close()
	})
	h.SetStreamHandler(resetProtocol, func(s network.Stream) { s.Reset() })
	return h, nil
}

func do(h host.Host, words []string) (map[string]any, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	switch {
	case words[0] == "dial" && len(words) == 2:
		info, err := peer.AddrInfoFromString(words[1])
		if err != nil {
			return nil, err
		}
		return map[string]any{"peer": info.ID.String()}, h.Connect(ctx, *info)
	case words[0] == "ping" && len(words) == 2:
		id, err := peer.Decode(words[1])
		if err != nil {
			return nil, err
		}
		got := <-ping.Ping(ctx, h, id)
		return map[string]any{"ms": float64(got.RTT) / 1e6}, got.Error
	case words[0] == "echo" && len(words) == 4:
		return echo(ctx, h, words[1], words[2], words[3])
	case words[0] == "reset" && len(words) == 2:
		return reset(ctx, h, words[1])
	case words[0] == "protocols" && len(words) == 2:
		id, err := peer.Decode(words[1])
		if err != nil {
			return nil, err
		}
		all, err := h.Peerstore().GetProtocols(id)
		names := protocol.ConvertToStrings(all)
		sort.Strings(names)
		agent, _ := h.Peerstore().Get(id, "AgentVersion")
		return map[string]any{"protocols": names, "agent": agent}, err
	}
	return nil, fmt.Errorf("unknown command %q", strings.Join(words, " "))
}

// Opens all streams before any is read, so that all of them are there at once.
func echo(ctx context.Context, h host.Host, to, streams, size string) (map[string]any, error) {
	id, err := peer.Decode(to)
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(streams)
	if err != nil {
		return nil, err
	}
	length, err := strconv.Atoi(size)
	if err != nil {
		return nil, err
	}
	var open, done sync.WaitGroup
	failed := make(chan error, n)
	for i := range n {
		open.Add(1)
		done.Add(1)
		go func() {
			defer done.Done()
			err := echoOne(ctx, h, id, byte(i), length, &open)
			if err != nil {
				failed <- err
			}
		}()
	}
	done.Wait()
	close(failed)
	var first error
	count := 0
	for err := range failed {
		first = err
		count++
	}
	if first != nil {
		return nil, fmt.Errorf("%d of %d streams: %w", count, n, first)
	}
	return map[string]any{"streams": n}, nil
}

func echoOne(ctx context.Context, h host.Host, id peer.ID, mark byte, length int, open *sync.WaitGroup) error {
	s, err := h.NewStream(ctx, id, echoProtocol)
	open.Done()
	if err != nil {
		return err
	}
	open.Wait()
	s.SetDeadline(time.Now().Add(limit))
	data := bytes.Repeat([]byte{mark}, length)
	if _, err := s.Write(data); err != nil {
		s.Reset()
		return err
	}
	if err := s.CloseWrite(); err != nil {
		return err
	}
	got, err := io.ReadAll(s)
	if err != nil {
		return err
	}
	if !bytes.Equal(got, data) {
		return fmt.Errorf("%d bytes came back, not the %d that were sent", len(got), length)
	}
	return s.Close()
}

func reset(ctx context.Context, h host.Host, to string) (map[string]any, error) {
	id, err := peer.Decode(to)
	if err != nil {
		return nil, err
	}
	s, err := h.NewStream(ctx, id, echoProtocol)
	if err != nil {
		return nil, err
	}
	if _, err := s.Write([]byte("never finished")); err != nil {
		return nil, err
	}
	s.Reset()
	s, err = h.NewStream(ctx, id, resetProtocol)
	if err != nil {
		return nil, err
	}
	s.SetDeadline(time.Now().Add(limit))
	_, err = io.ReadAll(s)
	if !errors.Is(err, network.ErrReset) {
		return nil, fmt.Errorf("the peer resets the stream, but reading gives %v", err)
	}
	return map[string]any{"reset": true}, nil
}

func answer(what map[string]any) {
	text, err := json.Marshal(what)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(text))
}
