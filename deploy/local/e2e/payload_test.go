package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/proxy"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"

	"ordertrace/deploy/local/browsertest"
	"ordertrace/deploy/local/stack"
	"ordertrace/lifecycle"
	"ordertrace/workers/encryption"
)

// operatorsBrowser is an operator's, for the Temporal UI: it may read what orders
// carry.
func (r *rig) operatorsBrowser(t *testing.T) *browsertest.Browser {
	b := browsertest.New(t, r.UIURL())
	password, _ := r.Operator().Password()
	b.SignInAt(r.CodecURL(), r.Operator().Username(), password)
	return b
}

// The Temporal UI shows what orders carry to operators, and ciphertext to everyone
// else.
func TestOperatorsAloneReadOrdersInTheTemporalUI(t *testing.T) {
	r := shared
	o := r.start(t)
	r.until(t, o.ID, "CLOSED")
	const (
		signIn     = "Operators sign in to read them."
		carried    = `"material":"silver-925"`
		ciphertext = "YmluYXJ5L2VuY3J5cHRlZA==" // "binary/encrypted" in base64
	)
	shows := func(text string) string {
		return fmt.Sprintf(`document.body.innerText.replace(/\s/g, "").includes(%q)`, strings.ReplaceAll(text, " ", ""))
	}
	for name, tc := range map[string]struct {
		browser func(t *testing.T) *browsertest.Browser
		allowed bool
	}{
		"an operator": {r.operatorsBrowser, true},
		"nobody":      {func(t *testing.T) *browsertest.Browser { return browsertest.New(t, r.UIURL()) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			b := tc.browser(t)
			page := r.page(t, o.ID)
			b.Open(page+"/history", "body")
			if tc.allowed {
				b.Eventually(shows(carried))
				require.False(t, browsertest.Eval[bool](b, shows(signIn)))
			} else {
				b.Eventually(shows(signIn))
				b.Eventually(shows(ciphertext))
				require.False(t, browsertest.Eval[bool](b, shows("silver-925")))
			}
			b.Open(page+"/user-metadata", "body")
			if tc.allowed {
				b.Eventually(details + `?.body.innerText.includes("Waits for CLOSED")`)
				return
			}
			b.Eventually(shows(signIn))
			require.False(t, browsertest.Eval[bool](b, details+`?.body?.innerText.includes("CLOSED") ?? false`))
		})
	}
}

// temporalKnows is all that Temporal knows of an order: its history, how it
// stands, and its row in the list.
func (r *rig) temporalKnows(t *testing.T, id string) []proto.Message {
	t.Helper()
	history := &historypb.History{}
	events := r.temporal.GetWorkflowHistory(t.Context(), id, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		require.NoError(t, err)
		history.Events = append(history.Events, event)
	}
	stands, err := r.temporal.DescribeWorkflowExecution(t.Context(), id, "")
	require.NoError(t, err)
	var page *workflowservice.ListWorkflowExecutionsResponse
	eventually(t, patience, 100*time.Millisecond, func() (bool, string) { // its index lags behind
		page, err = r.temporal.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{
			Namespace: stack.Namespace, Query: fmt.Sprintf("WorkflowId = '%s'", id),
		})
		return err == nil && len(page.Executions) == 1, fmt.Sprint(page, err)
	})
	return []proto.Message{history, stands, page}
}

// found are the words that messages hold, as Temporal stores them.
func found(t *testing.T, words []string, messages ...proto.Message) []string {
	t.Helper()
	var out []string
	for _, word := range words {
		for _, m := range messages {
			b, err := proto.Marshal(m)
			require.NoError(t, err)
			if bytes.Contains(b, []byte(word)) {
				out = append(out, word)
				break
			}
		}
	}
	return out
}

// Temporal holds nothing of what people gave an order, nor what went wrong with it.
// Whoever has the key reads all of it.
func TestTemporalReadsNothingOfWhatOrdersCarry(t *testing.T) {
	r := shared
	o := r.start(t, "--attended")
	r.until(t, o.ID, "SUBMITTED")
	r.mustStarter(t, "advance", o.ID, "SUBMITTED", "--by", "canary-submits")
	r.until(t, o.ID, "MANUFACTURING_APPROVED")
	r.mustStarter(t, "reject", o.ID, "--by", "canary-rejects", "--reason", "canary of 12 Square, +44 20 7946", "--field", "material")
	r.until(t, o.ID, "FILE_UPLOADED")
	r.mustStarter(t, "upload", o.ID, "--material", "canary-gold")
	r.waits(t, o.ID, lifecycle.Submitted)
	r.mustStarter(t, "advance", o.ID, "SUBMITTED", "--by", "canary-submits")
	require.Contains(t, r.waits(t, o.ID, lifecycle.FileUploaded).Problem, "there is no material", "an activity failed")
	require.NoError(t, r.temporal.SignalWorkflow(t.Context(), o.ID, "", "close", map[string]string{"by": "canary-closes"}))
	r.mustStarter(t, "cancel", o.ID, "--by", "canary-cancels", "--reason", "canary@example.com gave up")
	require.Error(t, r.ended(t, o.ID))

	words := []string{
		"canary-submits", "canary-rejects", "12 Square", "canary-gold", "canary-closes", "canary-cancels", "canary@example.com",
		"silver-925", "sha256-", "there is no material", // what the systems added: material, digest, an error's words
	}
	knows := r.temporalKnows(t, o.ID)
	require.Empty(t, found(t, words, knows...))

	keys, err := r.PayloadKeys()
	require.NoError(t, err)
	for _, m := range knows {
		require.NoError(t, decodeAll(t.Context(), keys, m))
	}
	require.Equal(t, words, found(t, words, knows...), "the key reads all")
	shown := r.mustStarter(t, "show", o.ID, "--json")
	for _, word := range []string{"canary-gold", "canary-cancels", "canary@example.com"} {
		require.Contains(t, shown, word)
	}
	_, err = r.starterWith(t, "PAYLOAD_KEYS_FILE=", "show", o.ID)
	require.ErrorContains(t, err, "which is not here: add it to PAYLOAD_KEYS_FILE")
}

// decodeAll decrypts all payloads of a message.
func decodeAll(ctx context.Context, keys encryption.Keys, m proto.Message) error {
	return proxy.VisitPayloads(ctx, m, proxy.VisitPayloadsOptions{
		SkipSearchAttributes: true,
		Visitor: func(_ *proxy.VisitPayloadsContext, p []*commonpb.Payload) ([]*commonpb.Payload, error) {
			return keys.Codec().Decode(p)
		},
	})
}

// starterWith runs bin/starter with one variable changed.
func (r *rig) starterWith(t *testing.T, variable string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(r.bin, "starter"), args...)
	cmd.Env, cmd.Dir = append(append(os.Environ(), r.Env()...), variable), t.TempDir()
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, out)
	}
	return string(out), err
}

// Keys are rotated under an order in flight. A worker that lacks a key, because its
// file is older or newer, neither fails the order nor loses a signal: it goes on
// when the key is there.
func TestKeysAreRotatedInFlight(t *testing.T) {
	r := another(t)
	file := filepath.Join(r.StateDir(), "access", "payload-keys")
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	old, fresh := string(b), encryption.NewKey("fresh")+"\n"
	restart := func(keys string, workers ...string) {
		t.Helper()
		require.NoError(t, os.WriteFile(file, []byte(keys), 0o600))
		for _, w := range workers {
			require.NoError(t, r.Kill(w, syscall.SIGKILL))
		}
		for _, w := range workers {
			require.NoError(t, r.WaitHealthy(t.Context(), w))
		}
	}
	o := r.start(t, "--attended")
	r.until(t, o.ID, "SUBMITTED")

	t.Run("a workflow waits for its worker's key", func(t *testing.T) {
		restart(fresh, "shop") // the old one is gone too early
		r.postToTemporalUI(t, "/workflows/"+o.ID+"/signal/advance",
			map[string]any{"input": payloads(t, lifecycle.Move{Stage: lifecycle.Submitted, By: "customer-1"})})
		eventually(t, patience, 100*time.Millisecond, func() (bool, string) {
			return r.events(t, o.ID)[enumspb.EVENT_TYPE_WORKFLOW_TASK_FAILED] > 0, "no task failed"
		})
		log, err := os.ReadFile(r.LogFile("shop"))
		require.NoError(t, err)
		require.Contains(t, string(log), "which is not here: add it to PAYLOAD_KEYS_FILE")
	})
	t.Run("an activity waits for its worker's key", func(t *testing.T) {
		restart(fresh+old, "shop") // it encrypts with a key that the MES does not have yet
		eventually(t, patience, 100*time.Millisecond, func() (bool, string) {
			d, err := r.temporal.DescribeWorkflowExecution(t.Context(), o.ID, "")
			require.NoError(t, err)
			for _, a := range d.PendingActivities {
				if a.ActivityType.Name == string(lifecycle.PriceCalculated) && a.Attempt > 1 {
					return true, ""
				}
			}
			return false, fmt.Sprint(d.PendingActivities)
		})
	})
	restart(fresh+old, "mes", "crm")
	r.temporal.Close()
	require.NoError(t, r.connect())
	r.until(t, o.ID, "MANUFACTURING_APPROVED")
	r.mustStarter(t, "cancel", o.ID, "--by", "customer-1")
	require.Error(t, r.ended(t, o.ID))
	require.Equal(t, lifecycle.OutcomeCancelled, r.status(t, o.ID).Outcome)
	require.ElementsMatch(t, []string{"fresh", strings.Fields(old)[0]}, r.keysOf(t, o.ID))
}

// keysOf are the IDs of the keys in an order's history.
func (r *rig) keysOf(t *testing.T, id string) []string {
	t.Helper()
	seen := map[string]bool{}
	for _, m := range r.temporalKnows(t, id) {
		require.NoError(t, proxy.VisitPayloads(t.Context(), m, proxy.VisitPayloadsOptions{
			SkipSearchAttributes: true,
			Visitor: func(_ *proxy.VisitPayloadsContext, all []*commonpb.Payload) ([]*commonpb.Payload, error) {
				for _, p := range all {
					if key, ok := p.Metadata["encryption-key-id"]; ok {
						seen[string(key)] = true
					}
				}
				return all, nil
			},
		}))
	}
	var out []string
	for key := range seen {
		out = append(out, key)
	}
	return out
}
