//! What the volume has, for whoever draws up the plan.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::Mutex;
use watchkeeper_domain::failure::Failure;
use watchkeeper_packages::{Asked, Contents, Stored, VolumePath};
use watchkeeper_volume::{
    device::Device,
    ext4::{Kind, Stat, Volume},
    night::aside,
    snapshots::Snapshots,
};

/// The volume as the night begins, open to be looked at; without one, nothing is there.
pub(super) struct Shelf<S>(Option<Mutex<Arc<Volume<S>>>>);

impl<S: Snapshots> Shelf<S> {
    /// Nothing.
    pub(super) fn empty() -> Self {
        Self(None)
    }

    /// What is on `device`.
    ///
    /// # Errors
    /// Those of [`Volume::open_read_only`].
    pub(super) async fn open(device: &Arc<Device<S>>, now: Timestamp) -> Result<Self, Failure> {
        let device = Arc::clone(device);
        let volume = aside(move || Volume::open_read_only(device, now)).await?;
        Ok(Self(Some(Mutex::new(Arc::new(volume)))))
    }

    /// Looks at the volume, if there is one, on a thread where it may wait. One look at a time: two that need the same
    /// block would both read it.
    pub(super) async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(Option<&Volume<S>>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let Some(volume) = &self.0 else { return look(None) };
        let volume = volume.lock().await;
        let shared = Arc::clone(&volume);
        aside(move || look(Some(&shared))).await
    }
}

impl<S: Snapshots> Contents for Shelf<S> {
    async fn stored(&self, path: &VolumePath) -> Result<Option<Stored>, Failure> {
        let path = path.clone();
        let file = self.look(move |volume| volume.map_or(Ok(None), |it| file(it, &path))).await?;
        Ok(file.map(|stat| Stored { size: stat.size, digest: None }))
    }

    async fn read(&self, path: &VolumePath) -> Result<Option<Vec<u8>>, Failure> {
        let path = path.clone();
        let read = self.look(move |volume| match volume {
            Some(volume) if file(volume, &path)?.is_some() => volume.read(path.as_str()).map(Some),
            Some(_) | None => Ok(None),
        });
        read.await
    }

    async fn announce(&self, paths: &[VolumePath], asked: Asked) -> Result<(), Failure> {
        let paths = paths.to_vec();
        let warm = self.look(move |volume| {
            let paths = paths.iter().map(VolumePath::as_str);
            volume.map_or(Ok(()), |volume| volume.warm_reads(paths, asked == Asked::Read))
        });
        warm.await
    }
}

fn file<S: Snapshots>(volume: &Volume<S>, path: &VolumePath) -> Result<Option<Stat>, Failure> {
    Ok(volume.stat(path.as_str())?.filter(|stat| stat.kind == Kind::File))
}
