package main

import (
	"archive/zip"
	"bytes"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"
)

// The mods that every server holds: name and length of the zip.
const (
	smallFile = "m1_1348957670.zip" // 4 KiB
	midFile   = "m2_1348957670.zip" // 1 MiB
	bigFile   = "m3_1348957670.zip" // 50 MiB

	bigSize = 50 << 20
)

func makeFiles(dir string) error {
	for name, size := range map[string]int{smallFile: 4 << 10, midFile: 1 << 20, bigFile: bigSize} {
		content, err := randomZip(size)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// randomZip is a zip of exactly size bytes that holds one stored file of noise.
func randomZip(size int) ([]byte, error) {
	empty, err := storedZip(nil)
	if err != nil {
		return nil, err
	}
	return storedZip(noise(size - len(empty)))
}

// noise is n bytes that do not compress, the same in every run.
func noise(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(b) // never fails
	return b
}

func storedZip(content []byte) ([]byte, error) {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	f, err := w.CreateRaw(&zip.FileHeader{
		Name: "ns2_bench.level", Method: zip.Store, Modified: time.Unix(1348957670, 0).UTC(),
		CRC32: crc32.ChecksumIEEE(content), CompressedSize64: uint64(len(content)), UncompressedSize64: uint64(len(content)),
	})
	if err != nil {
		return nil, err
	}
	if _, err := f.Write(content); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// deflatedZip is a zip of at most size bytes and not much less, of maps that
// were compressed as zip programs do.
func deflatedZip(size int) ([]byte, error) {
	const part = 1 << 20
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for i := uint64(0); out.Len()+2*part < size; i++ {
		f, err := w.Create(fmt.Sprintf("maps/part%03d.level", i))
		if err != nil {
			return nil, err
		}
		if _, err := f.Write(mapFile(part, i)); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return out.Bytes(), err
}
