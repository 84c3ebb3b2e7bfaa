package workers

import (
	"testing"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/worker"
	sdk "go.temporal.io/sdk/workflow"

	"ordertrace/lifecycle"
)

func TestAWorkerIsVersionedOnlyIfItIsToldSo(t *testing.T) {
	tests := map[string]struct {
		name, build string
		want        worker.DeploymentOptions
		refused     bool
	}{
		"neither": {},
		"both": {name: "prod/shop", build: "v7", want: worker.DeploymentOptions{
			UseVersioning:             true,
			Version:                   worker.WorkerDeploymentVersion{DeploymentName: "prod/shop", BuildID: "v7"},
			DefaultVersioningBehavior: sdk.VersioningBehaviorAutoUpgrade,
		}},
		"no build":      {name: "prod/shop", refused: true},
		"no deployment": {build: "v7", refused: true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Setenv("TEMPORAL_DEPLOYMENT_NAME", tc.name)
			t.Setenv("TEMPORAL_WORKER_BUILD_ID", tc.build)
			var c Config
			parser, err := kong.New(&c, vars(lifecycle.Shop))
			require.NoError(t, err)
			_, err = parser.Parse(nil)
			if tc.refused {
				require.ErrorContains(t, err, "TEMPORAL_DEPLOYMENT_NAME")
				require.ErrorContains(t, err, "TEMPORAL_WORKER_BUILD_ID")
				return
			}
			require.NoError(t, err)
			require.Equal(t, tc.want, c.Versioning.options())
		})
	}
}
