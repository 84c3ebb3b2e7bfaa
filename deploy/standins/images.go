package standins

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// image is one stand-in. Its recipe is images/folder/Dockerfile, and whatever else
// that folder has; put adds what is not in the repository.
type image struct {
	name   string // the official name and tag
	folder string
	put    func(context.Context, *kitchen) error
}

// images are in an order in which each finds those that it begins from.
var images = []image{
	{"debian:bookworm-slim", "debian", putDebian},
	{"busybox:1.37.0", "busybox", putNothing},
	{"golang:1.26.8-bookworm", "golang", putGo},
	{"postgres:15.18-bookworm", "postgres", putNothing},
	{"temporalio/server:1.31.2", "temporal-server", putTemporalServer},
	{"temporalio/admin-tools:1.31.2", "temporal-admin-tools", putTemporalTools},
	{"temporalio/ui:2.52.0", "temporal-ui", putTemporalUI},
	{"otel/opentelemetry-collector-contrib:0.159.0", "collector", putCollector},
	{"jaegertracing/jaeger:2.20.0", "jaeger", putJaeger},
	{"prom/prometheus:v3.5.0", "prometheus", putNothing},
	{"ghcr.io/dexidp/dex:v2.45.1", "dex", putIdentity},
}

// Names are the official names and tags of all stand-ins.
func Names() []string {
	var names []string
	for _, i := range images {
		names = append(names, i.name)
	}
	return names
}

// Prepare builds the stand-ins that the engine does not have yet, which takes minutes,
// or some of them by their folders in images/.
func (e *Engine) Prepare(ctx context.Context, only ...string) error {
	for _, i := range images {
		if len(only) > 0 && !slices.Contains(only, i.folder) {
			continue
		}
		if err := e.prepare(ctx, i); err != nil {
			return fmt.Errorf("stand-in for %s: %w", i.name, err)
		}
	}
	return nil
}

// kitchen is where an image is made ready to be built: what it is made of is known
// first, and laid out only if the engine does not have that image.
type kitchen struct {
	*Engine
	recipe string
	parts  []part
}

// part is something of an image that is not in the repository.
type part struct {
	key string                                         // changes whenever the part does
	lay func(ctx context.Context, folder string) error // puts it into the folder that is built
}

func (k *kitchen) add(key string, lay func(ctx context.Context, folder string) error) {
	k.parts = append(k.parts, part{key, lay})
}

// addFile adds a file whose path tells its content.
func (k *kitchen) addFile(from, as string) {
	k.add(as+" "+from, func(_ context.Context, folder string) error { return copyFile(from, filepath.Join(folder, as)) })
}

func putNothing(context.Context, *kitchen) error { return nil }

const keyLabel = "ordertrace.standin"

func (e *Engine) prepare(ctx context.Context, i image) error {
	k := &kitchen{Engine: e, recipe: filepath.Join(e.cfg.Root, "deploy/standins/images", i.folder)}
	if err := i.put(ctx, k); err != nil {
		return err
	}
	key, err := k.key(ctx)
	if err != nil {
		return err
	}
	if has, err := e.label(ctx, i.name); err == nil && has == key {
		return nil
	}
	fmt.Fprintf(e.cfg.Progress, "building the stand-in for %s\n", i.name)
	folder, err := os.MkdirTemp(e.folder, "build-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	if err := os.CopyFS(folder, os.DirFS(k.recipe)); err != nil {
		return err
	}
	for _, p := range k.parts {
		if err := p.lay(ctx, folder); err != nil {
			return err
		}
	}
	_, err = e.Docker(ctx, "build", "--quiet", "--label", keyLabel+"="+key, "--tag", i.name, folder)
	return err
}

// label is the key of the image that the engine has.
func (e *Engine) label(ctx context.Context, name string) (string, error) {
	out, err := e.Docker(ctx, "image", "inspect", "--format", `{{index .Config.Labels "`+keyLabel+`"}}`, name)
	return strings.TrimSpace(out), err
}

var begins = regexp.MustCompile(`(?m)^(?:FROM|COPY --from=)\s*([a-z][^\s]*:[^\s]+)`)

// key tells one image from another: its recipe, its parts, and the images that it
// begins from.
func (k *kitchen) key(ctx context.Context) (string, error) {
	hash := sha256.New()
	err := filepath.WalkDir(k.recipe, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		fmt.Fprintf(hash, "%q %q\n", entry.Name(), text)
		for _, from := range begins.FindAllSubmatch(text, -1) {
			label, err := k.label(ctx, string(from[1]))
			if err != nil {
				return err
			}
			fmt.Fprintf(hash, "%s %s\n", from[1], label)
		}
		return nil
	})
	for _, p := range k.parts {
		fmt.Fprintf(hash, "%q\n", p.key)
	}
	return hex.EncodeToString(hash.Sum(nil))[:16], err
}
