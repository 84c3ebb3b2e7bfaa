package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"ordertrace/deploy/secrets"
	"ordertrace/lifecycle"
)

// accessFolder has who may enter. Its files are mounted into containers, whose
// programs run as users of their own: so the files can be read by all, but the folder
// only by its owner.
const accessFolder = ".compose"

// place is where setup writes: the root of the repository. All belongs to the
// folder's owner, also when setup runs as root, as in its container.
type place struct{ folder string }

func (p place) path(name string) string { return filepath.Join(p.folder, name) }

// write writes a file whole or not at all.
func (p place) write(name, content string, mode fs.FileMode) error {
	if err := secrets.Replace(p.path(name), content); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return p.hand(name, mode)
}

// hand gives a file or folder to the owner of the place, with a mode.
func (p place) hand(name string, mode fs.FileMode) error {
	if err := os.Chmod(p.path(name), mode); err != nil {
		return err
	}
	return giveToOwnerOf(p.folder, p.path(name))
}

func (p place) access() error {
	if err := os.MkdirAll(p.path(accessFolder), 0o700); err != nil {
		return fmt.Errorf("make %s: %w", accessFolder, err)
	}
	return p.hand(accessFolder, 0o700)
}

// letIn writes who may call the systems' APIs, and who has payloads decoded.
func (p place) letIn(env map[string]string) error {
	if err := p.access(); err != nil {
		return err
	}
	caller := func(id, variable string, roles ...lifecycle.Role) secrets.Caller {
		return secrets.Caller{ID: id, Roles: roles, Token: env[variable]}
	}
	for file, callers := range map[string][]secrets.Caller{
		"callers": {
			caller("shop", "SHOP_API_TOKEN", lifecycle.Service),
			caller("crm", "CRM_API_TOKEN", lifecycle.Service),
			caller("mes", "MES_API_TOKEN", lifecycle.Service),
			caller("starter", "STARTER_API_TOKEN", lifecycle.Service, lifecycle.Manager),
			caller("customer-1", "CUSTOMER_TOKEN", lifecycle.Customer),
			caller("manager-3", "MANAGER_TOKEN", lifecycle.Manager),
			caller("operator-7", "OPERATOR_TOKEN", lifecycle.Operator),
		},
		"operators": {caller("proxy", "PROXY_CODEC_TOKEN", lifecycle.Operator)},
	} {
		name := filepath.Join(accessFolder, file)
		if err := secrets.LetCall(p.path(name), callers); err != nil {
			return err
		}
		if err := p.hand(name, 0o644); err != nil {
			return err
		}
	}
	return nil
}
