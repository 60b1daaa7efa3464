// A memberlist node for tests. Events go to standard output, one JSON object a line; commands come
// from standard input, one a line, each answered by one object of kind "done".
package main

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"
)

type event map[string]interface{}

var out sync.Mutex

func emit(e event) {
	line, _ := json.Marshal(e)
	out.Lock()
	defer out.Unlock()
	fmt.Println(string(line))
}

func view(n *memberlist.Node) event {
	return event{
		"name": n.Name, "addr": hex.EncodeToString(n.Addr), "port": n.Port,
		"meta": hex.EncodeToString(n.Meta), "state": int(n.State),
	}
}

// host is every delegate at once.
type host struct {
	mu      sync.Mutex
	meta    []byte
	state   []byte
	payload []byte
	queue   *memberlist.TransmitLimitedQueue
}

func (h *host) NodeMeta(int) []byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.meta
}

func (h *host) NotifyMsg(b []byte) { emit(event{"kind": "msg", "hex": short(b), "bytes": len(b)}) }

func (h *host) GetBroadcasts(overhead, limit int) [][]byte {
	return h.queue.GetBroadcasts(overhead, limit)
}

func (h *host) LocalState(bool) []byte { return h.state }

func (h *host) MergeRemoteState(b []byte, join bool) {
	emit(event{"kind": "state", "hex": short(b), "join": join})
}

func (h *host) NotifyJoin(n *memberlist.Node)   { emit(event{"kind": "join", "node": view(n)}) }
func (h *host) NotifyLeave(n *memberlist.Node)  { emit(event{"kind": "leave", "node": view(n)}) }
func (h *host) NotifyUpdate(n *memberlist.Node) { emit(event{"kind": "update", "node": view(n)}) }

func (h *host) NotifyConflict(a, b *memberlist.Node) {
	emit(event{"kind": "conflict", "node": view(a), "other": view(b)})
}

func (h *host) AckPayload() []byte { return h.payload }

func (h *host) NotifyPingComplete(n *memberlist.Node, rtt time.Duration, b []byte) {
	emit(event{"kind": "ping", "node": view(n), "ms": rtt.Seconds() * 1000, "hex": short(b)})
}

func short(b []byte) string {
	if len(b) > 256 {
		b = b[:256]
	}
	return hex.EncodeToString(b)
}

// logger turns the library's log lines into events.
type logger struct{}

func (logger) Write(b []byte) (int, error) {
	emit(event{"kind": "log", "line": strings.TrimSpace(string(b))})
	return len(b), nil
}

type text struct{ b []byte }

func (t text) Invalidates(memberlist.Broadcast) bool { return false }
func (t text) Message() []byte                       { return t.b }
func (t text) Finished()                             {}

func unhex(s string) []byte {
	if s == "" {
		return nil
	}
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

func main() {
	profile := flag.String("profile", "lan", "")
	name := flag.String("name", "go", "")
	bind := flag.String("bind", "127.0.0.1", "")
	port := flag.Int("port", 0, "")
	protocol := flag.Int("protocol", 2, "")
	delegateVsn := flag.String("dvsn", "0,0,0", "")
	meta := flag.String("meta", "", "")
	state := flag.String("state", "", "")
	payload := flag.String("payload", "", "")
	keys := flag.String("keys", "", "comma separated, hex")
	label := flag.String("label", "", "")
	compress := flag.Bool("compress", true, "")
	verifyIn := flag.Bool("verify-in", true, "")
	verifyOut := flag.Bool("verify-out", true, "")
	reclaim := flag.Duration("reclaim", 0, "")
	probe := flag.Duration("probe", 0, "")
	timeout := flag.Duration("timeout", 0, "")
	noTCP := flag.Bool("no-tcp-pings", false, "")
	flag.Parse()

	c := map[string]func() *memberlist.Config{
		"lan": memberlist.DefaultLANConfig, "wan": memberlist.DefaultWANConfig,
		"local": memberlist.DefaultLocalConfig,
	}[*profile]()
	h := &host{meta: unhex(*meta), state: unhex(*state), payload: unhex(*payload)}
	c.Name, c.BindAddr, c.BindPort, c.AdvertisePort = *name, *bind, *port, *port
	c.ProtocolVersion = uint8(*protocol)
	v := strings.Split(*delegateVsn, ",")
	c.DelegateProtocolMin, c.DelegateProtocolMax, c.DelegateProtocolVersion = digit(v[0]), digit(v[1]), digit(v[2])
	c.EnableCompression, c.GossipVerifyIncoming, c.GossipVerifyOutgoing = *compress, *verifyIn, *verifyOut
	c.DeadNodeReclaimTime, c.DisableTcpPings = *reclaim, *noTCP
	if *probe > 0 {
		c.ProbeInterval = *probe
	}
	if *timeout > 0 {
		c.ProbeTimeout = *timeout
	}
	setLabel(c, *label)
	c.LogOutput = logger{}
	c.Delegate, c.Events, c.Conflict, c.Ping = h, h, h, h
	if *keys != "" {
		list := strings.Split(*keys, ",")
		all := [][]byte{}
		for _, k := range list {
			all = append(all, unhex(k))
		}
		ring, err := memberlist.NewKeyring(all, all[0])
		if err != nil {
			panic(err)
		}
		c.Keyring = ring
	}
	var m *memberlist.Memberlist
	h.queue = &memberlist.TransmitLimitedQueue{
		NumNodes: func() int {
			if m == nil {
				return 1
			}
			return m.NumMembers()
		},
		RetransmitMult: c.RetransmitMult,
	}
	m, err := memberlist.Create(c)
	if err != nil {
		emit(event{"kind": "fatal", "error": err.Error()})
		os.Exit(1)
	}
	emit(event{"kind": "ready", "node": view(m.LocalNode())})
	serve(m, h, c)
}

func digit(s string) uint8 {
	n, _ := strconv.Atoi(s)
	return uint8(n)
}

func serve(m *memberlist.Memberlist, h *host, c *memberlist.Config) {
	in := bufio.NewReader(os.Stdin)
	for {
		line, err := in.ReadString('\n')
		if err == io.EOF {
			os.Exit(0)
		}
		args := strings.Fields(line)
		if len(args) == 0 {
			continue
		}
		reply := event{"kind": "done", "command": args[0]}
		if problem := command(m, h, c, args, reply); problem != nil {
			reply["error"] = problem.Error()
		}
		emit(reply)
	}
}

func command(m *memberlist.Memberlist, h *host, c *memberlist.Config, args []string, reply event) error {
	switch args[0] {
	case "join":
		n, err := m.Join(args[1:])
		reply["joined"] = n
		return err
	case "members":
		all := []event{}
		for _, n := range m.Members() {
			all = append(all, view(n))
		}
		reply["members"] = all
	case "score":
		reply["score"] = m.GetHealthScore()
	case "update":
		h.mu.Lock()
		h.meta = []byte{}
		if len(args) > 1 {
			h.meta = unhex(args[1])
		}
		h.mu.Unlock()
		return m.UpdateNode(5 * time.Second)
	case "leave":
		return m.Leave(5 * time.Second)
	case "be", "rel":
		for _, n := range m.Members() {
			if n.Name != args[1] {
				continue
			}
			b := []byte{}
			if len(args) > 2 {
				b = unhex(args[2])
			}
			if len(args) > 3 {
				size, _ := strconv.Atoi(args[3])
				b = []byte(strings.Repeat(string(b), size))
			}
			if args[0] == "be" {
				return m.SendBestEffort(n, b)
			}
			return m.SendReliable(n, b)
		}
		return fmt.Errorf("no member %s", args[1])
	case "bcast":
		h.queue.QueueBroadcast(text{unhex(args[1])})
	case "ping":
		for _, n := range m.Members() {
			if n.Name == args[1] {
				rtt, err := m.Ping(n.Name, &net.UDPAddr{IP: n.Addr, Port: int(n.Port)})
				reply["ms"] = rtt.Seconds() * 1000
				return err
			}
		}
		return fmt.Errorf("no member %s", args[1])
	case "addkey":
		return c.Keyring.AddKey(unhex(args[1]))
	case "usekey":
		return c.Keyring.UseKey(unhex(args[1]))
	case "rmkey":
		return c.Keyring.RemoveKey(unhex(args[1]))
	case "quit":
		os.Exit(0)
	default:
		return fmt.Errorf("unknown command %s", args[0])
	}
	return nil
}
