//! Where uploaded files lie: in a folder, or in a bucket. What is known about them stands in the database.

use crate::config::{Config, S3};
use crate::error::Error;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt, TryStreamExt};
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload, WriteMultipart};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use zhupi_engine::ids::{FileId, TenantId};

/// Where uploaded files lie.
#[derive(Clone, Debug)]
pub struct Files {
    objects: Arc<dyn ObjectStore>,
}

/// What was kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Kept {
    /// Where; the only name by which it is found again.
    pub location: String,
    pub size: u64,
    pub sha256: [u8; 32],
}

impl Files {
    /// The bucket of the configuration, else a folder in the data folder.
    pub fn open(config: &Config) -> Result<Self, Error> {
        let objects: Arc<dyn ObjectStore> = match &config.s3 {
            Some(s3) => Arc::new(bucket(s3).map_err(|cause| Error::field("s3_bucket", cause.to_string()))?),
            None => {
                let folder = config.data.join("files");
                std::fs::create_dir_all(&folder).map_err(Error::internal)?;
                let folder = LocalFileSystem::new_with_prefix(folder).map_err(Error::internal)?;
                Arc::new(folder.with_fsync(true))
            }
        };
        Ok(Self { objects })
    }

    /// Keeps what comes, unless it is more than `limit` bytes; then nothing is kept.
    pub async fn put<S>(&self, tenant: TenantId, id: FileId, limit: usize, content: S) -> Result<Kept, Error>
    where
        S: Stream<Item = Result<Bytes, Error>> + Send,
    {
        let location = format!("{tenant}/{id}");
        let upload = self.objects.put_multipart(&Path::from(location.as_str())).await.map_err(unavailable)?;
        let mut writer = WriteMultipart::new(upload);
        match write_all(&mut writer, limit, content).await {
            Ok((size, sha256)) => {
                writer.finish().await.map_err(unavailable)?;
                Ok(Kept { location, size, sha256 })
            }
            Err(error) => {
                writer.abort().await.map_err(unavailable)?;
                Err(error)
            }
        }
    }

    /// Keeps a whole file that is in memory.
    pub async fn put_bytes(&self, tenant: TenantId, id: FileId, content: Bytes) -> Result<Kept, Error> {
        let location = format!("{tenant}/{id}");
        let size = content.len() as u64;
        let sha256 = Sha256::digest(&content).into();
        let payload = PutPayload::from_bytes(content);
        self.objects.put(&Path::from(location.as_str()), payload).await.map_err(unavailable)?;
        Ok(Kept { location, size, sha256 })
    }

    /// The content, piece by piece.
    pub async fn get(&self, location: &str) -> Result<BoxStream<'static, Result<Bytes, Error>>, Error> {
        let found = self.objects.get(&Path::from(location)).await.map_err(unavailable)?;
        Ok(found.into_stream().map_err(unavailable).boxed())
    }

    /// The content as a whole.
    pub async fn get_bytes(&self, location: &str) -> Result<Bytes, Error> {
        let found = self.objects.get(&Path::from(location)).await.map_err(unavailable)?;
        found.bytes().await.map_err(unavailable)
    }

    /// Takes a file away.
    pub async fn delete(&self, location: &str) -> Result<(), Error> {
        self.objects.delete(&Path::from(location)).await.map_err(unavailable)
    }
}

fn bucket(s3: &S3) -> Result<object_store::aws::AmazonS3, object_store::Error> {
    let mut builder = AmazonS3Builder::new().with_bucket_name(&s3.bucket).with_region(&s3.region);
    if let Some(endpoint) = &s3.endpoint {
        builder = builder.with_endpoint(endpoint).with_allow_http(endpoint.starts_with("http://"));
    }
    if let (Some(access), Some(secret)) = (&s3.access_key, &s3.secret_key) {
        builder = builder.with_access_key_id(&access.0).with_secret_access_key(&secret.0);
    }
    builder.build()
}

fn unavailable(cause: object_store::Error) -> Error {
    match cause {
        object_store::Error::NotFound { .. } => Error::NotFound,
        cause => Error::Unavailable(cause.to_string().into()),
    }
}

async fn write_all<S>(writer: &mut WriteMultipart, limit: usize, content: S) -> Result<(u64, [u8; 32]), Error>
where
    S: Stream<Item = Result<Bytes, Error>> + Send,
{
    let mut content = std::pin::pin!(content);
    let mut hash = Sha256::new();
    let mut size = 0;
    while let Some(piece) = content.next().await {
        let piece = piece?;
        size += piece.len();
        if size > limit {
            return Err(Error::TooLarge);
        }
        hash.update(&piece);
        writer.wait_for_capacity(4).await.map_err(unavailable)?;
        writer.put(piece);
    }
    Ok((size as u64, hash.finalize().into()))
}
