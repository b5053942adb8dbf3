/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Written by tests/store/sigv4_vectors.py: signatures that botocore makes. */
#ifndef ROOST_TESTS_SIGV4_VECTORS_H
#define ROOST_TESTS_SIGV4_VECTORS_H

/* clang-format off */
static const struct {
    const char *method, *host, *path, *query, *region, *key_id, *secret, *token;
    unsigned long long now_s;
    const char *date, *authorization;
} vectors[] = {
    {"GET", "examplebucket.s3.amazonaws.com", "/test.txt", "", "us-east-1", "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "", 1369353600ull, "20130524T000000Z", "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=df548e2ce037944d03f3e68682813b093763996d597cf890ca3d9037fd231eb4"},
    {"HEAD", "127.0.0.1:8080", "/models/acme/churn.roost", "", "eu-central-1", "test:tester", "testing", "", 1795947300ull, "20261129T101500Z", "AWS4-HMAC-SHA256 Credential=test:tester/20261129/eu-central-1/s3/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=573e5b429cee267b11cedb7c5bf0df56b17cc99a70381e4339585f9a24a59e87"},
    {"GET", "models.s3.eu-west-1.amazonaws.com", "/", "delimiter=%2F&list-type=2&max-keys=1000&prefix=acme%2F", "eu-west-1", "AKIDEXAMPLE", "secret/+=", "", 1440938160ull, "20150830T123600Z", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/eu-west-1/s3/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=b8fc63f59f440e6c4484303b08d0e13a1a220eafc0657c9317cfbf2acf6ebf61"},
    {"GET", "s3.us-west-2.amazonaws.com", "/models", "continuation-token=a%2Bb%2F%3D%3D&delimiter=%2F&list-type=2&max-keys=1000&prefix=", "us-west-2", "ASIAEXAMPLE", "secret", "tok/en+with==", 951782400ull, "20000229T000000Z", "AWS4-HMAC-SHA256 Credential=ASIAEXAMPLE/20000229/us-west-2/s3/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token, Signature=95bb41795051ace38d76bb3aaa116f8773c74108263dff2ed8520139258511c5"},
    {"GET", "[::1]:9000", "/b/a%20b/s%C3%BC%C3%9F/%2541/~x%27%28%29%2A%21/..//m.roost", "", "local", "k", "s", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 4102444799ull, "20991231T235959Z", "AWS4-HMAC-SHA256 Credential=k/20991231/local/s3/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token, Signature=f8e0a39d7bc6e36bcaf1b50b8e8c290fe4f6307e1cd465c0b5720b236b1a5d60"},
};
/* clang-format on */

#endif
