package stack

import "context"

// Program is one that the stack itself does not run, such as a tool of the tests. It
// is built from a Go module of the repository and kept in the cache, as the servers are.
type Program struct {
	Name    string // the start of its file's name in the cache
	Title   string // for people
	Folder  string // of its Go module, below the root
	Package string // its main package
	Module  string // the module whose version is the program's
}

// Path is where the program is, after building it if need be, in minutes. The path
// tells one build from another. Of cfg only Root, CacheDir and Progress matter.
func (p Program) Path(ctx context.Context, cfg Config) (string, error) {
	cfg.IgnorePath = true
	return findOne(ctx, cfg, server{
		name: p.Name, title: p.Title, folder: p.Folder, pkg: p.Package, module: p.Module, ldflags: "-s -w",
	})
}

// CacheDir is the folder of the cache, as an absolute path. Of cfg only Root and
// CacheDir matter.
func CacheDir(cfg Config) (string, error) {
	cfg, err := cfg.withDefaults()
	return cfg.CacheDir, err
}
