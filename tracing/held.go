package tracing

import (
	"context"
	"strings"
	"sync"

	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
)

// held keeps what a workflow task tells until Temporal has accepted the task. One
// that it refuses, because a signal came in between or because it was late, is
// done again at another time; what the first try told never happened.
type held struct {
	tell func(Fact)

	mu    sync.Mutex
	tasks map[string]task // by workflow ID: at most one runs at a time
}

// task is one that has not been accepted. After a refusal the SDK makes a new
// run, which is how another try is known.
type task struct {
	run   *run
	facts []Fact
}

// maxTasks bounds the memory for tasks that were refused and that another worker
// does again.
const maxTasks = 10_000

func (h *held) add(workflowID string, r *run, f Fact) {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.tasks[workflowID]
	if t.run != r {
		t = task{run: r}
	}
	t.facts = append(t.facts, f)
	if h.tasks == nil || len(h.tasks) >= maxTasks {
		h.tasks = map[string]task{}
	}
	h.tasks[workflowID] = t
}

func (h *held) accepted(workflowID string) {
	h.mu.Lock()
	t := h.tasks[workflowID]
	delete(h.tasks, workflowID)
	h.mu.Unlock()
	for _, f := range t.facts {
		h.tell(f)
	}
}

var _ grpc.UnaryClientInterceptor = (*held)(nil).watch

// watch sees Temporal accept workflow tasks.
func (h *held) watch(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, call grpc.UnaryInvoker, options ...grpc.CallOption) error {
	err := call(ctx, method, req, reply, cc, options...)
	if done, ok := req.(*workflowservice.RespondWorkflowTaskCompletedRequest); ok && err == nil && !done.GetIntermediatePage() {
		h.accepted(strings.TrimPrefix(done.GetResourceId(), "workflow:"))
	}
	return err
}
