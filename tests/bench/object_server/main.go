// A read-only S3 of one folder, over HTTP and TLS: GET and HEAD with ranges, ListObjectsV2 by prefix. Signatures are not
// looked at: this measures clients. usage: object_server FOLDER HTTP_PORT HTTPS_PORT CERTIFICATE KEY
package main

import (
	"encoding/xml"
	"fmt"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

type object struct {
	Key          string
	LastModified string
	ETag         string
	Size         int64
	StorageClass string
}

type listing struct {
	XMLName     xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListBucketResult"`
	Name        string
	Prefix      string
	KeyCount    int
	MaxKeys     int
	IsTruncated bool
	Contents    []object
}

func main() {
	folder := os.Args[1]
	serve := http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
		bucket, key, _ := strings.Cut(strings.TrimPrefix(request.URL.Path, "/"), "/")
		if key == "" {
			list(answer, folder, bucket, request.URL.Query().Get("prefix"))
			return
		}
		file, err := os.Open(filepath.Join(folder, bucket, filepath.Clean("/"+key)))
		if err != nil {
			http.Error(answer, "<Error><Code>NoSuchKey</Code></Error>", http.StatusNotFound)
			return
		}
		defer file.Close()
		state, _ := file.Stat()
		answer.Header().Set("ETag", fmt.Sprintf(`"%x"`, state.Size()))
		answer.Header().Set("Content-Type", "binary/octet-stream")
		http.ServeContent(answer, request, "", state.ModTime(), file)
	})
	go func() { log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Args[2], serve)) }()
	// S3 speaks HTTP/1.1.
	secure := &http.Server{Addr: "127.0.0.1:" + os.Args[3], Handler: serve, Protocols: new(http.Protocols)}
	secure.Protocols.SetHTTP1(true)
	log.Fatal(secure.ListenAndServeTLS(os.Args[4], os.Args[5]))
}

func list(answer http.ResponseWriter, folder, bucket, prefix string) {
	found := listing{Name: bucket, Prefix: prefix, MaxKeys: 1000}
	root := filepath.Join(folder, bucket)
	filepath.Walk(root, func(path string, state os.FileInfo, err error) error {
		key, _ := filepath.Rel(root, path)
		if err == nil && !state.IsDir() && strings.HasPrefix(key, prefix) {
			when := state.ModTime().UTC().Format("2006-01-02T15:04:05.000Z")
			found.Contents = append(found.Contents, object{key, when, fmt.Sprintf(`"%x"`, state.Size()), state.Size(), "STANDARD"})
		}
		return nil
	})
	found.KeyCount = len(found.Contents)
	answer.Header().Set("Content-Type", "application/xml")
	fmt.Fprint(answer, xml.Header)
	xml.NewEncoder(answer).Encode(found)
}
