package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/persistence/sql/sqlplugin/sqlite"
	schema "go.temporal.io/server/schema/sqlite"
)

// openDatabase describes the SQLite database to the server and, if file is new,
// creates it with the schema. An empty file means a database in memory.
func openDatabase(file string, pragmas map[string]string) (*config.SQL, error) {
	if file == "" {
		return sqlConfig("ordertrace", map[string]string{"mode": "memory", "cache": "shared"}, pragmas), nil
	}
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		if err := createDatabase(file); err != nil {
			return nil, fmt.Errorf("create the database %s: %w", file, err)
		}
	} else if err != nil {
		return nil, fmt.Errorf("look for the database: %w", err)
	}
	return sqlConfig(file, map[string]string{"mode": "rwc"}, pragmas), nil
}

// createDatabase makes the schema in a file beside it and moves that into place:
// a start that is killed half-way leaves no database without tables.
func createDatabase(file string) error {
	unfinished := file + ".new"
	if err := os.Remove(unfinished); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := schema.SetupSchema(sqlConfig(unfinished, map[string]string{"mode": "rwc"}, nil)); err != nil {
		return err
	}
	return os.Rename(unfinished, file)
}

func sqlConfig(database string, attributes, pragmas map[string]string) *config.SQL {
	for name, value := range pragmas {
		attributes[name] = value
	}
	return &config.SQL{PluginName: sqlite.PluginName, DatabaseName: database, ConnectAttributes: attributes}
}

// createNamespaces adds the namespaces that are missing, with the search
// attributes; those that exist stay as they are.
func createNamespaces(database *config.SQL, names []string, attributes map[string]string) error {
	types := make(map[string]enumspb.IndexedValueType, len(attributes))
	for name, kind := range attributes {
		value, err := enumspb.IndexedValueTypeFromString(kind)
		if err != nil {
			return fmt.Errorf("search attribute %s: type %q is none of %s", name, kind, attributeTypes())
		}
		types[name] = value
	}
	for _, name := range names {
		namespace, err := schema.NewNamespaceConfig(clusterName, name, false, types)
		if err != nil {
			return fmt.Errorf("namespace %s: %w", name, err)
		}
		if err := schema.CreateNamespaces(database, namespace); err != nil {
			return fmt.Errorf("namespace %s: %w", name, err)
		}
	}
	return nil
}

func attributeTypes() string {
	var names []string
	for number := 1; number < len(enumspb.IndexedValueType_name); number++ {
		names = append(names, enumspb.IndexedValueType(number).String())
	}
	return strings.Join(names, ", ")
}
