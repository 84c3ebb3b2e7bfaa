package stack

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// Ports are the TCP ports that the stack listens on.
type Ports struct {
	Temporal int // Temporal's frontend, gRPC: 7233
	UI       int // Temporal's web UI: 8233
	Jaeger   int // Jaeger's UI and query API: 16686
	OTLP     int // where Jaeger takes spans, OTLP over gRPC: 4317
	Shop     int // the shop's API: 8081
	CRM      int // the CRM's API: 8082
	MES      int // the MES's API: 8083
	Codec    int // where operators' browsers have payloads decoded: 8084
}

type portUse struct {
	port     *int
	standard int
	purpose  string
	name     string // of its flag and, in capitals, of its environment variable
}

func (p *Ports) uses() []portUse {
	return []portUse{
		{&p.Temporal, 7233, "Temporal (gRPC)", "temporal-port"},
		{&p.UI, 8233, "the Temporal web UI", "ui-port"},
		{&p.Jaeger, 16686, "Jaeger (UI and queries)", "jaeger-port"},
		{&p.OTLP, 4317, "Jaeger (spans, OTLP)", "otlp-port"},
		{&p.Shop, 8081, "the shop", "shop-port"},
		{&p.CRM, 8082, "the CRM", "crm-port"},
		{&p.MES, 8083, "the MES", "mes-port"},
		{&p.Codec, 8084, "decoded payloads", "codec-port"},
	}
}

func (p Ports) withDefaults() Ports {
	for _, use := range p.uses() {
		if *use.port == 0 {
			*use.port = use.standard
		}
	}
	return p
}

// StandardPorts are the ports of a stack that was not told otherwise.
func StandardPorts() Ports { return Ports{}.withDefaults() }

// PortsTakenError lists every port of the stack that another program holds.
type PortsTakenError struct{ Taken []TakenPort }

// TakenPort is a port that cannot be had, and how to choose another.
type TakenPort struct {
	Port    int
	Purpose string
	Flag    string // such as --ui-port
	Env     string // such as UI_PORT
	Err     error  // what the system said
}

func (e *PortsTakenError) Error() string {
	var text strings.Builder
	text.WriteString("these ports are taken:")
	for _, taken := range e.Taken {
		fmt.Fprintf(&text, "\n  %d, for %s", taken.Port, taken.Purpose)
		if !errors.Is(taken.Err, syscall.EADDRINUSE) {
			fmt.Fprintf(&text, " (%v)", taken.Err)
		}
		fmt.Fprintf(&text, ": choose another with %s, %s or `make up %s=…`", taken.Flag, taken.Env, taken.Env)
	}
	return text.String()
}

// check binds every port for a moment; the error is a *PortsTakenError.
func (p Ports) check() error {
	var taken []TakenPort
	for _, use := range p.uses() {
		listener, err := net.Listen("tcp", address(*use.port))
		if err != nil {
			env := strings.ToUpper(strings.ReplaceAll(use.name, "-", "_"))
			taken = append(taken, TakenPort{Port: *use.port, Purpose: use.purpose, Flag: "--" + use.name, Env: env, Err: err})
			continue
		}
		defer listener.Close() // held until all are checked: one number given twice is seen too
	}
	if taken != nil {
		return &PortsTakenError{Taken: taken}
	}
	return nil
}

// FreePorts finds a free port for each use, for stacks that run beside others.
func FreePorts() (Ports, error) {
	var ports Ports
	uses := ports.uses()
	free, err := freePorts(len(uses))
	if err != nil {
		return Ports{}, err
	}
	for i, use := range uses {
		*use.port = free[i]
	}
	return ports, nil
}

// freePorts hands out ports of blocks that this process has to itself, so that
// no two calls and no two processes get the same one before it is used.
func freePorts(count int) ([]int, error) {
	blocks.Lock()
	defer blocks.Unlock()
	var found []int
	for len(found) < count {
		if blocks.next == blocks.end {
			if err := takeBlock(); err != nil {
				return nil, err
			}
		}
		port := blocks.next
		blocks.next++
		if listener, err := net.Listen("tcp", address(port)); err == nil {
			_ = listener.Close() // it was bound for a moment, to see that it can be
			found = append(found, port)
		}
	}
	return found, nil
}

// blocks are those of this process.
var blocks struct {
	sync.Mutex
	next, end int            // what is left of the newest
	kept      []net.Listener // the first port of each: who has it has the block
}

// takeBlock looks below the range that Linux and macOS give to outgoing
// connections: a port from that range can be taken by a client while its server
// is being started again, even by a client that dials that very port.
func takeBlock() error {
	const lowest, highest, size, tries = 20000, 32000, 50, 1000
	for range tries {
		first := lowest + size*rand.IntN((highest-lowest)/size)
		listener, err := net.Listen("tcp", address(first))
		if err != nil {
			continue
		}
		blocks.kept = append(blocks.kept, listener)
		blocks.next, blocks.end = first+1, first+size
		return nil
	}
	return fmt.Errorf("no free block of %d ports between %d and %d", size, lowest, highest)
}

func address(port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }
