package workers

import (
	"errors"

	"go.temporal.io/sdk/worker"
	sdk "go.temporal.io/sdk/workflow"
)

// Versioning is which version of which Worker Deployment a worker is, for
// Temporal to choose whom it gives an order to. The names are those that
// Temporal's worker controller for Kubernetes sets. Neither: any worker may take
// any order.
type Versioning struct {
	DeploymentName string `env:"TEMPORAL_DEPLOYMENT_NAME" name:"deployment-name" help:"The Worker Deployment that the worker belongs to. Default: none, the worker is unversioned."`
	BuildID        string `env:"TEMPORAL_WORKER_BUILD_ID" name:"build-id" help:"Which version of it the worker is. It gets no work until Temporal is told that this version is current, or ramping."`
}

// Validate is called by the command line.
func (v Versioning) Validate() error {
	if (v.DeploymentName == "") != (v.BuildID == "") {
		return errors.New("a versioned worker needs both TEMPORAL_DEPLOYMENT_NAME and TEMPORAL_WORKER_BUILD_ID")
	}
	return nil
}

// options are Temporal's. An order lives for weeks, longer than any version of its
// code, and the code replays old orders; so each task goes to the current version.
func (v Versioning) options() worker.DeploymentOptions {
	if v == (Versioning{}) {
		return worker.DeploymentOptions{}
	}
	return worker.DeploymentOptions{
		UseVersioning:             true,
		Version:                   worker.WorkerDeploymentVersion{DeploymentName: v.DeploymentName, BuildID: v.BuildID},
		DefaultVersioningBehavior: sdk.VersioningBehaviorAutoUpgrade,
	}
}
