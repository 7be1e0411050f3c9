// Writes ../tlog-sizes.json with Go's own tree code, golang.org/x/mod/sumdb/tlog (BSD-3-Clause), which Debian has as
// golang-golang-x-mod-dev. Run by hand: GO111MODULE=off GOPATH=/usr/share/gocode go run tlog-sizes.go > ../tlog-sizes.json
package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"

	"golang.org/x/mod/sumdb/tlog"
)

type Inclusion struct {
	Index  int64    `json:"index"`
	Hashes []string `json:"hashes"`
}
type Consistency struct {
	From   int64    `json:"from"`
	Hashes []string `json:"hashes"`
}
type TileSum struct {
	Path   string `json:"path"`
	Sha256 string `json:"sha256"`
}
type Tree struct {
	Size        int64         `json:"size"`
	Root        string        `json:"root"`
	Inclusion   []Inclusion   `json:"inclusion"`
	Consistency []Consistency `json:"consistency"`
	Tiles       []TileSum     `json:"tiles"`
}

func hexes(p []tlog.Hash) []string {
	out := []string{}
	for _, h := range p {
		out = append(out, hex.EncodeToString(h[:]))
	}
	return out
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	sizes := []int64{1, 255, 256, 257, 65536, 1000000}
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, x := range indexes {
			out[i] = stored[x]
		}
		return out, nil
	})
	trees := []Tree{}
	var n int64
	for at, size := range sizes {
		for ; n < size; n++ {
			hashes, err := tlog.StoredHashes(n, []byte(fmt.Sprintf("leaf %d", n)), reader)
			must(err)
			stored = append(stored, hashes...)
		}
		root, err := tlog.TreeHash(size, reader)
		must(err)
		tree := Tree{Size: size, Root: hex.EncodeToString(root[:])}
		seen := map[int64]bool{}
		for _, index := range []int64{0, 1, 254, 255, 256, size / 2, size - 2, size - 1} {
			if index < 0 || index >= size || seen[index] {
				continue
			}
			seen[index] = true
			proof, err := tlog.ProveRecord(size, index, reader)
			must(err)
			must(tlog.CheckRecord(proof, size, root, index, tlog.RecordHash([]byte(fmt.Sprintf("leaf %d", index)))))
			tree.Inclusion = append(tree.Inclusion, Inclusion{index, hexes(proof)})
		}
		tree.Consistency = []Consistency{}
		for _, from := range sizes[:at] {
			proof, err := tlog.ProveTree(size, from, reader)
			must(err)
			tree.Consistency = append(tree.Consistency, Consistency{from, hexes(proof)})
		}
		// The last tile of each level, and the first.
		all := tlog.NewTiles(8, 0, size)
		paths := map[string]bool{}
		for i, tile := range all {
			edge := i == 0 || i == len(all)-1 || all[i-1].L != tile.L || all[i+1].L != tile.L
			if !edge || paths[tile.Path()] {
				continue
			}
			paths[tile.Path()] = true
			data, err := tlog.ReadTileData(tile, reader)
			must(err)
			sum := sha256.Sum256(data)
			// Go's own path carries the height; tlog-tiles leaves it out.
			tree.Tiles = append(tree.Tiles, TileSum{"tile/" + tile.Path()[len("tile/8/"):], hex.EncodeToString(sum[:])})
		}
		trees = append(trees, tree)
	}
	vectors := struct {
		Origin string `json:"origin"`
		Trees  []Tree `json:"trees"`
	}{"test/vectors/make/tlog-sizes.go: golang.org/x/mod/sumdb/tlog 0.7.0 (BSD-3-Clause), Go 1.19; leaf n is the text `leaf n`", trees}
	must(json.NewEncoder(os.Stdout).Encode(vectors))
}
