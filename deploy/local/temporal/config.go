package main

import (
	"fmt"
	"net"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/server/common/cluster"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/membership/static"
	"go.temporal.io/server/common/primitives"
)

const (
	// clusterName is what the Temporal CLI calls its only cluster: the same file then serves both.
	clusterName = "active"
	storeName   = "sqlite"
)

// serverConfig makes the four services of a cluster of one. The frontend listens
// on port, the others on free ports of the same address; there is no membership
// protocol, no metrics and no profiling port.
func serverConfig(ip string, port int, database *config.SQL) (*config.Config, map[primitives.ServiceName]static.Hosts, error) {
	services := make(map[string]config.Service)
	hosts := make(map[primitives.ServiceName]static.Hosts)
	for _, name := range []primitives.ServiceName{
		primitives.FrontendService, primitives.HistoryService, primitives.MatchingService, primitives.WorkerService,
	} {
		listen := port
		if name != primitives.FrontendService {
			var err error
			if listen, err = freePort(ip); err != nil {
				return nil, nil, fmt.Errorf("find a port for the %s service: %w", name, err)
			}
		}
		services[string(name)] = config.Service{RPC: config.RPC{GRPCPort: listen, BindOnIP: ip}}
		hosts[name] = static.SingleLocalHost(fmt.Sprintf("%s:%d", ip, listen))
	}
	frontend := fmt.Sprintf("%s:%d", ip, port)
	return &config.Config{
		Global: config.Global{Membership: config.Membership{MaxJoinDuration: 30 * time.Second, BroadcastAddress: ip}},
		Persistence: config.Persistence{
			DefaultStore:     storeName,
			VisibilityStore:  storeName,
			NumHistoryShards: 1,
			DataStores:       map[string]config.DataStore{storeName: {SQL: database}},
		},
		ClusterMetadata: &cluster.Config{
			FailoverVersionIncrement: 10,
			MasterClusterName:        clusterName,
			CurrentClusterName:       clusterName,
			ClusterInformation: map[string]cluster.ClusterInformation{clusterName: {
				Enabled:                true,
				InitialFailoverVersion: 1,
				RPCAddress:             frontend,
				ClusterID:              uuid.NewString(), // that of the first start is kept in the database
			}},
		},
		DCRedirectionPolicy: config.DCRedirectionPolicy{Policy: "noop"},
		Services:            services,
		Archival: config.Archival{
			History:    config.HistoryArchival{State: "disabled"},
			Visibility: config.VisibilityArchival{State: "disabled"},
		},
		NamespaceDefaults: config.NamespaceDefaults{Archival: config.ArchivalNamespaceDefaults{
			History:    config.HistoryArchivalNamespaceDefaults{State: "disabled"},
			Visibility: config.VisibilityArchivalNamespaceDefaults{State: "disabled"},
		}},
		PublicClient: config.PublicClient{HostPort: frontend},
	}, hosts, nil
}

func freePort(ip string) (int, error) {
	listener, err := net.Listen("tcp", net.JoinHostPort(ip, "0"))
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}
